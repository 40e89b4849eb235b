// Proxies that people build in Node with packages from npm, each the script of its own in node/.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGES } from '../install.js'
import { startProxy } from './peer.js'
import type { PeerKind } from './peer.js'

function npmPeer(script: string, packages: readonly string[], before = ''): PeerKind {
  return {
    label: () => before + packages.map((name) => `${name} ${version(name)}`).join(' + '),
    needs: 'npm',
    start(setup) {
      const { originPort, port, tls } = setup
      const file = join(PACKAGES, 'node', script)
      const certificate = tls ? [tls.certFile, tls.keyFile] : []
      const args = [String(port), `http://127.0.0.1:${originPort}`, ...certificate]
      return startProxy([process.execPath, file, ...args], setup)
    },
  }
}

export const fastify = npmPeer('fastify-http-proxy.mjs', ['@fastify/http-proxy'])
export const httpProxy3 = npmPeer('http-proxy-3.mjs', ['http-proxy-3'])
export const undici = npmPeer('undici.mjs', ['undici'], 'node:http + ')
export const express = npmPeer('express-axios.mjs', ['express', 'axios'])

function version(name: string): string {
  const text = readFileSync(join(PACKAGES, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
