// The gateway that people write by hand: express in front, axios behind. Usage: node express-axios.mjs PORT ORIGIN
import { Agent } from 'node:http'
import axios from 'axios'
import express from 'express'

const [port, origin] = process.argv.slice(2)
const httpAgent = new Agent({ keepAlive: true, maxFreeSockets: 2048 })
const app = express()
app.disable('x-powered-by')
app.disable('etag')

app.all('/{*path}', async (request, response) => {
  const headers = { ...request.headers, 'x-forwarded-for': request.ip }
  delete headers.host
  delete headers.connection
  const bodyless = request.method === 'GET' || request.method === 'HEAD'
  const answer = await axios({
    method: request.method,
    url: origin + request.originalUrl,
    headers,
    ...(bodyless ? {} : { data: request }),
    httpAgent,
    responseType: 'stream',
    decompress: false,
    maxRedirects: 0,
    proxy: false,
    validateStatus: () => true,
  })
  response.status(answer.status)
  for (const [name, value] of Object.entries(answer.headers)) {
    if (name !== 'connection' && name !== 'keep-alive' && name !== 'transfer-encoding') response.setHeader(name, value)
  }
  answer.data.pipe(response)
})

const server = app.listen(Number(port), '127.0.0.1', 4096, () => console.log('ready'))
server.keepAliveTimeout = 3_600_000
