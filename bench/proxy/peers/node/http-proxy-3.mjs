// http-proxy-3 with kept-alive connections to the origin, HTTP and WebSocket. Usage: node http-proxy-3.mjs PORT ORIGIN
import { Agent, createServer } from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const [port, target] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 2048, maxFreeSockets: 2048 })
const proxy = createProxyServer({ target, agent, xfwd: true })
proxy.on('error', (_error, _request, to) => to?.destroy?.())

const server = createServer((request, response) => proxy.web(request, response))
// A tunnel has its connection to itself, so the agent must not hand out one of its own.
server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head, { agent: undefined }))
server.keepAliveTimeout = 3_600_000
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
