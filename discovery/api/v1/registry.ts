// /api/v1: services and instances with their packets, and the snapshot that processors elsewhere route by.
import type { Request, Response } from 'express'
import type { ApiDeps } from '../deps.js'
import { sendJson, type Endpoint } from '../endpoint.js'
import { ApiProblem, badField } from '../problem.js'
import { readQuery } from '../query.js'
import type { Settle } from '../settle.js'
import { packetView } from '../stats.js'
import { countsByInstance, instanceView, serviceViews } from '../views.js'
import { pageBody, readPage } from './page.js'

const HEALTHS = ['up', 'down', 'unknown'] as const

export function servicesEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    readQuery(req, [])
    await settle.counts()
    sendJson(res, { items: serviceViews(deps) })
  }
}

export function serviceEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    readQuery(req, [])
    await settle.counts()
    const service = serviceViews(deps).find(({ name }) => name === req.params.name)
    if (service === undefined) throw new ApiProblem(404, 'there is no such service')
    sendJson(res, service)
  }
}

/** Paged by the id of the last instance of a page, in the order of the config. */
export function instancesEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  return async (req, res) => {
    const query = readQuery(req, ['service', 'health', 'limit', 'cursor'])
    const service = query.text('service')
    const health = query.oneOf('health', HEALTHS)
    const { limit, cursor } = readPage(query)
    await settle.counts()
    let statuses = deps.registry.statuses()
    if (cursor !== undefined) {
      const id = Buffer.from(cursor, 'base64url').toString()
      const at = statuses.findIndex((status) => status.instance.id === id)
      if (at < 0) throw badField('cursor', 'is not of this list, or its instance has gone: begin anew')
      statuses = statuses.slice(at + 1)
    }
    const found = statuses.filter(
      ({ instance }) =>
        (service === undefined || instance.service === service) && (health === undefined || instance.health === health),
    )
    const page = found.slice(0, limit)
    const last = found.length > limit ? page.at(-1) : undefined
    const counts = countsByInstance(deps)
    sendJson(res, {
      items: page.map((status) => instanceView(status, counts.get(status.instance.id), deps)),
      ...(last && { cursor: Buffer.from(last.instance.id).toString('base64url') }),
    })
  }
}

/** `/instances/<id>` and `/instances/<id>/packets`; the slashes of the id may be encoded or not. */
export function instanceEndpoint(deps: ApiDeps, settle: Settle): Endpoint {
  const one = async (id: string, req: Request, res: Response) => {
    readQuery(req, [])
    await settle.counts()
    const status = deps.registry.status(id)
    if (status === undefined) throw new ApiProblem(404, 'there is no such instance')
    sendJson(res, instanceView(status, countsByInstance(deps).get(id), deps))
  }

  const packets = async (id: string, req: Request, res: Response) => {
    const page = readPage(readQuery(req, ['limit', 'cursor']))
    if (deps.registry.status(id) === undefined) throw new ApiProblem(404, 'there is no such instance')
    await settle.history()
    sendJson(res, await pageBody(() => deps.store.history.packets(id, page), packetView))
  }

  return (req, res) => {
    const segments = req.params.id as unknown as readonly string[]
    const id = segments.join('/')
    // An instance's own base path may end in /packets too: its full id is meant then, unless its slashes were encoded.
    const ofPackets = segments.at(-1) === 'packets' && (segments.length === 2 || deps.registry.status(id) === undefined)
    return ofPackets ? packets(segments.slice(0, -1).join('/'), req, res) : one(id, req, res)
  }
}

/** In the wire form of the change stream, for a reader that does not follow changes. */
export function snapshotEndpoint(deps: ApiDeps): Endpoint {
  return (req, res) => {
    readQuery(req, [])
    sendJson(res, deps.registry.current)
  }
}
