// A page in the form that a client wants, with what an answer says filled in.
import { STATUS_CODES } from 'node:http'
import { PAGE_FORMS, type PageBodies, type PageForm } from '../../shared/config/pipes/pages.js'
import type { AnswerHead, PipeExchange, Reply } from './pipe.js'
import { addVary } from './varying.js'

export type Page = (x: PipeExchange, answer: AnswerHead) => Reply | undefined

const TYPES: Readonly<Record<PageForm, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
}

/** For clients that take anything: programs, most likely. */
const PREFERENCE: readonly PageForm[] = ['json', 'text', 'html']

/** Of the answer that it replaces: what is about its body, and what each answer gets anyway. */
const REPLACED =
  /^(?:content-[^:\r\n]*|transfer-encoding|etag|last-modified|accept-ranges|date|via|x-request-id):[^\r\n]*\r\n/gim

/** Undefined for a client that takes none of the forms. */
export function createPage(bodies: PageBodies): Page {
  const forms = PREFERENCE.filter((form) => bodies[form] !== undefined)
  const fillers = Object.fromEntries(PAGE_FORMS.map((form) => [form, compilePage(bodies[form] ?? '', ESCAPES[form])]))
  return (x, { status, error, headers }) => {
    const form = chooseForm(x.headers.given('accept'), forms)
    if (form === undefined) {
      addVary(headers, 'Accept')
      return undefined
    }
    const body = fillers[form]?.(x, status) ?? ''
    addVary(headers, 'Accept')
    const lines = `${headers.text.replace(REPLACED, '')}Content-Type: ${TYPES[form]}\r\n`
    return { status, lines, body, ...(error !== undefined && { error }) }
  }
}

const PLACES = /\{(status|title|id|method|path|host)\}/g

type Escape = (value: string) => string

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const ESCAPES: Readonly<Record<PageForm, Escape>> = {
  html: (value) => value.replace(/[&<>"']/g, (char) => ENTITIES[char] as string),
  json: (value) => JSON.stringify(value).slice(1, -1).replaceAll('<', '\\u003c'),

  text: (value) => value.replace(/[\x00-\x1f\x7f]/g, ' '),
}

function compilePage(body: string, escape: Escape): (x: PipeExchange, status: number) => string {
  if (body.search(PLACES) === -1) return () => body
  return (x, status) =>
    body.replace(PLACES, (_, place: string) => {
      switch (place) {
        case 'status':
          return String(status)
        case 'title':
          return escape(STATUS_CODES[status] ?? 'Error')
        case 'id':
          return escape(x.id)
        case 'method':
          return escape(x.method)
        case 'host':
          return escape(x.host)
        default:
          return escape(x.path)
      }
    })
}

const RANGES: Readonly<Record<PageForm, readonly string[]>> = {
  html: ['text/html', 'application/xhtml+xml', 'text/*', '*/*'],
  json: ['application/json', 'application/problem+json', 'application/*', '*/*'],
  text: ['text/plain', 'text/*', '*/*'],
}

const MOST_RANGES = 30

/** RFC 9110 section 12.5.1: for each form the most specific range counts; then its quality, then the order of `forms`. */
function chooseForm(accept: string | undefined, forms: readonly PageForm[]): PageForm | undefined {
  if (accept === undefined || accept.trim() === '') return forms[0]
  const qualities = new Map<string, number>()
  for (const entry of accept.split(',', MOST_RANGES)) {
    const [range = '', ...parameters] = entry.split(';')
    const q = parameters.map((one) => /^\s*q\s*=\s*([\d.]+)\s*$/i.exec(one)?.[1]).find((one) => one !== undefined)
    qualities.set(range.trim().toLowerCase(), q === undefined ? 1 : Math.min(Number(q), 1) || 0)
  }
  let best: PageForm | undefined
  let most = 0
  for (const form of forms) {
    const range = RANGES[form].find((one) => qualities.has(one))
    const quality = range === undefined ? 0 : (qualities.get(range) ?? 0)
    if (quality > most) [best, most] = [form, quality]
  }
  return best
}
