// An aggregator as one writes it by hand in Node: asks two paths over kept connections at once, and sends both objects in one.
import http from 'node:http'

const [port, originPort, ...paths] = process.argv.slice(2)
const agent = new http.Agent({ keepAlive: true, maxSockets: 1024 })

function get(path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ agent, port: originPort, host: '127.0.0.1', path }, (answer) => {
      const pieces = []
      answer.on('data', (piece) => pieces.push(piece))
      answer.on('end', () => resolve(JSON.parse(Buffer.concat(pieces).toString())))
      answer.on('error', reject)
    })
    request.on('error', reject)
  })
}

const server = http.createServer(async (request, response) => {
  try {
    const parts = await Promise.all(paths.map(get))
    const body = JSON.stringify(Object.assign({}, ...parts))
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
    response.end(body)
  } catch {
    response.writeHead(500)
    response.end()
  }
})
server.keepAliveTimeout = 3_600_000
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
