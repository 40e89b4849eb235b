// What every nginx of the bench shares, be it a peer or the origin.

export function nginxFile({ folder, workers }: { folder: string; workers: number }, http: string): string {
  return `worker_processes ${workers};
worker_rlimit_nofile 30000;
daemon off;
# Sockets of the bench's own folder, whoever owns that.
user root;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 15000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_max_body_size 4m;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}
`
}
