// A sample service instance: `node examples/service.mjs NAME PORT`. It answers every path and method with what it was asked, and who it is.
import { createServer } from 'node:http'

const [name, portText] = process.argv.slice(2)
const port = Number(portText)
if (!name || !Number.isInteger(port) || port < 1 || port > 65535) {
  console.error('usage: node examples/service.mjs NAME PORT')
  process.exit(2)
}
const instance = `127.0.0.1:${port}`
/** Bodies come back in the answer up to this size; beyond it only their length does. */
const ECHO_BYTES = 16 * 1024
const MAX_DELAY_MS = 60_000

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', `http://${instance}`)
  if (url.pathname === '/health') return answer(response, 200, { status: 'up', service: name, instance })
  readBody(request, (body) => {
    // Two knobs to play with: ?delay=MILLISECONDS answers late, ?status=CODE answers with that status.
    const delayMs = Math.min(Number(url.searchParams.get('delay')) || 0, MAX_DELAY_MS)
    const wanted = Number(url.searchParams.get('status'))
    const status = Number.isInteger(wanted) && wanted >= 200 && wanted <= 599 ? wanted : 200
    const echo = { service: name, instance, pid: process.pid, method: request.method, path: request.url, ...body }
    setTimeout(answer, delayMs, response, status, echo)
  })
})
// Longer than a gateway keeps an idle connection, so that it is never closed just as a request is being sent.
server.keepAliveTimeout = 75_000
server.on('error', (error) => {
  console.error(`${name} ${instance}: ${error.code === 'EADDRINUSE' ? `port ${port} is in use` : error.message}`)
  process.exit(1)
})
server.listen(port, '127.0.0.1', () => process.send?.('ready'))
// Started by examples/start.mjs: end with it, however it ended.
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))

function readBody(request, done) {
  const pieces = []
  let bytes = 0
  request.on('data', (piece) => {
    bytes += piece.length
    if (bytes <= ECHO_BYTES) pieces.push(piece)
  })
  request.on('end', () => {
    if (bytes === 0) done({})
    else if (bytes > ECHO_BYTES) done({ bytes })
    else done({ bytes, body: Buffer.concat(pieces).toString('utf8') })
  })
}

function answer(response, status, content) {
  const body = Buffer.from(`${JSON.stringify(content)}\n`)
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length })
  response.end(body)
}
