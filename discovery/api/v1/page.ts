// Cursor paging as every list of the API does it.
import { BadCursor, type Page, type PageRequest } from '../../store/store.js'
import { ApiProblem, badField } from '../problem.js'
import type { Query } from '../query.js'

const USUAL = 100
const MOST = 1_000

export function readPage(query: Query<'limit' | 'cursor'>): PageRequest {
  const cursor = query.text('cursor')
  return { limit: query.integer('limit', { min: 1, max: MOST }) ?? USUAL, ...(cursor === undefined ? {} : { cursor }) }
}

/** The body of a list: its items, and a cursor unless it is the last page. */
export async function pageBody<T, V>(fetch: () => Promise<Page<T>>, view: (item: T) => V) {
  const page = await fromStore(fetch)
  return { items: page.items.map(view), ...(page.cursor === undefined ? {} : { cursor: page.cursor }) }
}

/** What a store that fails means to a client: try later; the reason is in /readyz. */
export async function fromStore<T>(fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch()
  } catch (error) {
    if (error instanceof BadCursor) throw badField('cursor', 'is not of this list')
    throw new ApiProblem(503, 'the history cannot be read now', { headers: { 'Retry-After': '5' } })
  }
}
