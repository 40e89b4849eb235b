// Short WebSocket messages to an origin that sends each of them back: what a proxy costs once it only passes bytes on.
import { closedLoop } from '../columns.js'
import { ownLoad } from '../load/own.js'
import { HANDSHAKE } from '../requests.js'
import { comparison } from './comparison.js'

const CONNECTIONS = 64
const MESSAGE_BYTES = 32

export const WEBSOCKET = comparison({
  name: 'websocket',
  peers: ['nginx', 'haproxy', 'http-proxy-3', 'us'],
  origin: 'echo',
  columns: closedLoop('nginx', 'message'),
  loadWords: `load.c over ${CONNECTIONS} connections, messages of ${MESSAGE_BYTES} bytes, each answered before the next`,
  prepare: ({ tools }) =>
    Promise.resolve({
      load: ownLoad({
        program: tools.load,
        connections: CONNECTIONS,
        request: HANDSHAKE,
        messageBytes: MESSAGE_BYTES,
      }),
    }),
})
