// One hop and the next: what a client says to the gateway is not said to the origin, and what the gateway says no client can.
import { connectionOptions, spoofed, upgradesNotAllowed } from './cases/hop-by-hop.js'
import { switching, WEBSOCKET } from './cases/switching.js'
import { hostileClass } from './hostile.js'

hostileClass('Connection removes what it may, and nothing else', connectionOptions)
hostileClass('a client cannot speak as the gateway', spoofed)
hostileClass('no other protocol is spoken where none is allowed', upgradesNotAllowed)
hostileClass('where websocket is allowed, a client and an origin speak it only if both agreed', switching, {
  layout: WEBSOCKET,
})
