// What the file may say about TLS, switched protocols and batches.
import { z } from 'zod'
import { PROCESSOR } from '../defaults.js'
import { hostFault, serverNamePatternFault } from '../text/host.js'
import { upgradeFault } from '../text/http.js'
import { nonEmpty, oneOf, text } from './fields.js'

const certFile = () =>
  nonEmpty().meta({
    description: 'PEM file: the certificate, then those that lead to its authority; relative to this file.',
  })
const keyFile = () =>
  nonEmpty().meta({ description: "PEM file with the certificate's private key; relative to this file." })

const certificate = z
  .strictObject({
    cert: certFile(),
    key: keyFile(),
    hosts: z
      .array(text(serverNamePatternFault))
      .min(1)
      .optional()
      .meta({ description: 'Hosts that it is for; `*.example.org` takes one label. Without it, the names it holds.' }),
  })
  .meta({ id: 'Certificate', description: 'A certificate, its key, and the hosts that it is for.' })

export const downstreamTls = z
  .strictObject({
    cert: certFile().optional(),
    key: keyFile().optional(),
    certificates: z
      .array(certificate)
      .min(1)
      .optional()
      .meta({ description: 'In place of `cert` and `key`: several. The first answers where no other is meant.' }),
    min_version: oneOf(['TLSv1.2', 'TLSv1.3'])
      .optional()
      .meta({ description: 'Oldest version that is spoken.', default: PROCESSOR.tlsVersion }),
  })
  .meta({ id: 'DownstreamTls', description: 'The port speaks HTTPS, with this.' })

export const upstreamTls = z
  .strictObject({
    verify: z
      .boolean()
      .optional()
      .meta({ description: 'Whether the certificate must be valid for the host.', default: true }),
    ca_file: nonEmpty()
      .optional()
      .meta({ description: "PEM file of the authorities to trust in place of the system's; relative to this file." }),
    server_name: text(hostFault)
      .optional()
      .meta({ description: 'Name to ask for (SNI) and to verify, where it is not the host.' }),
    cert: certFile().optional().meta({
      description: 'PEM file with the certificate to show to an instance that asks for one; relative to this file.',
    }),
    key: keyFile().optional(),
  })
  .meta({ id: 'UpstreamTls', description: 'How https instances are spoken to.' })

export const upgrade = z
  .array(text(upgradeFault))
  .meta({ description: 'Protocols that a client may switch its connection to, such as websocket.' })

export const batch = oneOf(['off', 'auto'])
