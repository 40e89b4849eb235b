// The polled side of the polling benchmark: one process that answers on every loopback address.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [keepAliveSeconds = '5'] = process.argv.slice(2)

const server = createServer((request, response) => {
  request.resume()
  response.end('{"status":"ok"}')
})
server.keepAliveTimeout = Number(keepAliveSeconds) * 1000
server.listen({ host: '0.0.0.0', port: 0, backlog: 4096 }, () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))
