// A process of its own that opens one connection to an instance, so that a test decides whom its system trusts.
import tls from 'node:tls'
import { createInstanceTls, createUpstreamTlsFiles } from '../../../processor/tls/upstream.js'
import { silentLog } from '../../../shared/log.js'

const [port, serverName = '', caFile] = process.argv.slice(2)
const files = createUpstreamTlsFiles({ log: silentLog })
const config = { verify: true, serverName, ...(caFile === undefined ? {} : { caFile }) }
const options = createInstanceTls(config, { host: '127.0.0.1' }, files).options()
const socket = tls.connect({ ...options, host: '127.0.0.1', port: Number(port) })
socket.once('secureConnect', () => {
  console.log('trusted')
  socket.destroy()
})
socket.once('error', (error: NodeJS.ErrnoException) => console.log(error.code))
