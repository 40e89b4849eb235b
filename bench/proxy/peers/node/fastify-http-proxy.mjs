// @fastify/http-proxy as its documentation sets it up. Usage: node fastify-http-proxy.mjs PORT ORIGIN [CERTIFICATE KEY]
import { readFileSync } from 'node:fs'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [port, origin, certificate, key] = process.argv.slice(2)
const server = Fastify(certificate ? { https: { cert: readFileSync(certificate), key: readFileSync(key) } } : {})
await server.register(httpProxy, {
  upstream: origin,
  undici: { connections: 1024, pipelining: 1 },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => ({ ...headers, 'x-forwarded-for': request.ip }),
  },
})
await server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
console.log('ready')
