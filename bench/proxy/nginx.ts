// nginx from Debian, once as the origin that all proxies share and once as a peer among them.

/** Answers every request with the same small JSON body, at the least cost that a real server has. */
export function originConfig(port: number, folder: string): string {
  const body = JSON.stringify({ service: 'orders', items: [17, 18, 19], note: 'x'.repeat(96) })
  return nginxConfig(
    folder,
    `server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type application/json;
    location / { return 200 '${body}'; }
  }`,
  )
}

/** A proxy as its own documentation recommends: kept-alive connections to the origin, HTTP/1.1, no access log. */
export function proxyConfig(port: number, originPort: number, folder: string): string {
  return nginxConfig(
    folder,
    `upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }`,
  )
}

function nginxConfig(folder: string, http: string): string {
  return `worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}
`
}
