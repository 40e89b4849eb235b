// The gateway that people write by hand: express in front, axios behind. Usage: node express-axios.mjs PORT ORIGIN
import axios from 'axios'
import express from 'express'

const [port, origin] = process.argv.slice(2)
const app = express()
app.disable('x-powered-by')
app.disable('etag')

app.all('/{*path}', async (request, response) => {
  const headers = { ...request.headers }
  delete headers.host
  delete headers.connection
  const bodyless = request.method === 'GET' || request.method === 'HEAD'
  const answer = await axios({
    method: request.method,
    url: origin + request.originalUrl,
    headers,
    ...(bodyless ? {} : { data: request }),
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

app.listen(Number(port), '127.0.0.1', () => console.log('ready'))
