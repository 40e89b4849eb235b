// @fastify/http-proxy as its documentation sets it up. Usage: node fastify-http-proxy.mjs PORT ORIGIN
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [port, origin] = process.argv.slice(2)
const server = Fastify()
await server.register(httpProxy, { upstream: origin })
await server.listen({ port: Number(port), host: '127.0.0.1' })
console.log('ready')
