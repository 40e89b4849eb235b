// Switches an exchange to another protocol: from then on its two connections are a tunnel.
import type { Core } from '../core.js'
import { answer } from '../engine/answer-head.js'
import { Tunnel } from '../engine/tunnel.js'
import type { Wire } from '../engine/wire/wire.js'
import type { Exchange } from '../exchange.js'
import type { Route } from '../routing/table.js'

/** The first protocol of the client's list that the route allows. RFC 6455 section 4.1: asked for with a GET without a body. */
export function allowedUpgrade({ offers, method, body }: Exchange, route: Route): string {
  if (method !== 'GET' || body !== 'none') return ''
  const wanted = offers.split(',').map((name) => name.trim())
  return wanted.find((name) => route.upgrade.includes(name)) ?? ''
}

/**
 * The instance has agreed: its answer's head is in `answer`, and `early[start, end)` came behind it. `over` is called
 * when the tunnel has ended, before the exchange does.
 */
export function openTunnel(
  exchange: Exchange,
  protocol: string,
  upstream: Wire,
  early: { readonly buf: Buffer; readonly start: number; readonly end: number },
  core: Core,
  over: () => void,
): void {
  exchange.status = answer.status
  const head =
    `HTTP/1.1 ${answer.statusText}\r\n${answer.fields}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
    `Via: 1.1 ${core.via}\r\n\r\n`
  exchange.client.switchTo(head, (client) => {
    core.tunnels++
    const tunnel = new Tunnel(client, upstream, core.wheel, core.timeouts.upgradedIdleMs, {
      passed(bytes, towards) {
        if (towards === 'upstream') exchange.bytesIn += bytes
        else exchange.bytesOut += bytes
      },
      over() {
        core.tunnels--
        over()
        exchange.client.finish()
      },
    })
    tunnel.early('upstream', early.buf, early.start, early.end)
    return tunnel
  })
}
