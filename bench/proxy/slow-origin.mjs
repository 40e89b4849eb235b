// The slow hundredth of a mixed origin: answers after a fixed time. Usage: node slow-origin.mjs SOCKET MILLISECONDS
import { createServer } from 'node:http'

const [socket, delayMs] = process.argv.slice(2)
const body = JSON.stringify({ service: 'orders', slow: true })
createServer((_request, response) => {
  setTimeout(() => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }, Number(delayMs))
}).listen(socket, () => console.log('ready'))
