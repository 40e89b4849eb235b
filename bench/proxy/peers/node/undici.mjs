// The fastest that node:http and undici give: raw headers passed on as they came, no promise, no stream for the answer.
// Usage: node undici.mjs PORT ORIGIN
import { createServer } from 'node:http'
import { Pool } from 'undici'

const [port, origin] = process.argv.slice(2)
const pool = new Pool(origin, { connections: 1024, pipelining: 1 })
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

function requestHeaders(request) {
  const raw = request.rawHeaders
  const headers = ['x-forwarded-for', request.socket.remoteAddress]
  for (let i = 0; i < raw.length; i += 2) {
    if (!HOP_BY_HOP.has(raw[i].toLowerCase())) headers.push(raw[i], raw[i + 1])
  }
  return headers
}

/** What undici calls back with the raw parts of an answer. */
class Answer {
  constructor(response) {
    this.response = response
  }

  onConnect(abort) {
    this.response.on('close', () => {
      if (!this.response.writableFinished) abort()
    })
  }

  onHeaders(status, raw, resume, reason) {
    const headers = []
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i].toString('latin1')
      if (!HOP_BY_HOP.has(name.toLowerCase())) headers.push(name, raw[i + 1].toString('latin1'))
    }
    this.response.sendDate = false
    this.response.writeHead(status, reason, headers)
    this.resume = resume
    return true
  }

  onData(chunk) {
    if (this.response.write(chunk)) return true
    this.response.once('drain', this.resume)
    return false
  }

  onComplete() {
    this.response.end()
  }

  onError() {
    this.response.destroy()
  }
}

const server = createServer((request, response) => {
  const bodyless = request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined
  const { method, url: path } = request
  pool.dispatch(
    { method, path, headers: requestHeaders(request), body: bodyless ? null : request },
    new Answer(response),
  )
})
server.keepAliveTimeout = 3_600_000
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => console.log('ready'))
