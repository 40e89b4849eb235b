// Certificates for tests, made on the spot by openssl: no key lies in the repository, and none outlives its test.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProcess } from './process.js'

/** A certificate and its key as PEM text. */
export interface Pem {
  readonly cert: string
  readonly key: string
}

export interface Wanted {
  /** Its subjectAltName, as openssl writes it: `DNS:a.example`, `IP:127.0.0.1`. Undefined or empty: none. */
  readonly names?: readonly string[]
  /** Common name of its subject. */
  readonly subject?: string
  readonly days?: number
  readonly algorithm?: 'ec' | 'rsa'
  /** Who signs it; by default it signs itself. */
  readonly authority?: Pem
  /** Whether it may sign others. */
  readonly maySign?: boolean
}

export async function makeCertificate(wanted: Wanted = {}): Promise<Pem> {
  const { names = [], subject = 'serverpy test', days = 365, algorithm = 'ec', authority, maySign = false } = wanted
  const folder = await mkdtemp(join(tmpdir(), 'serverpy-pem-'))
  const file = (name: string) => join(folder, name)
  try {
    const extensions = [
      `basicConstraints = critical, CA:${maySign ? 'TRUE' : 'FALSE'}`,
      ...(names.length > 0 ? [`subjectAltName = ${names.join(', ')}`] : []),
    ]
    const config = [
      '[req]',
      'prompt = no',
      'distinguished_name = dn',
      'x509_extensions = v3',
      '[dn]',
      `CN = ${subject}`,
    ]
    await writeFile(file('config'), [...config, '[v3]', ...extensions, ''].join('\n'))
    const key = algorithm === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'] : ['rsa:2048']
    const out = ['-keyout', file('key.pem'), '-out', file('cert.pem')]
    const signer = authority ? ['-CA', file('ca.pem'), '-CAkey', file('ca-key.pem')] : []
    if (authority) await writeFile(file('ca.pem'), authority.cert)
    if (authority) await writeFile(file('ca-key.pem'), authority.key)
    const args = ['req', '-x509', '-nodes', '-config', file('config'), '-days', String(days), '-newkey', ...key, ...out]
    const { code, stderr } = await runProcess('openssl', [...args, ...signer])
    if (code !== 0) throw new Error(`openssl: ${stderr}`)
    return { cert: await readFile(file('cert.pem'), 'utf8'), key: await readFile(file('key.pem'), 'utf8') }
  } finally {
    await rm(folder, { recursive: true })
  }
}
