// Pages that stand in the place of the gateway's own words: in HTML, JSON or plain text, from the config or from files.
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Path } from '../document.js'
import type { Context, Draft } from '../normalise/context.js'
import { nonEmpty } from '../schema/fields.js'
import { readSmallFile } from '../small-file.js'

export const PAGE_FORMS = ['html', 'json', 'text'] as const
export type PageForm = (typeof PAGE_FORMS)[number]

/** What there is of them; places such as {status} are filled in for each answer. */
export type PageBodies = Readonly<Partial<Record<PageForm, string>>>

/** Pages travel to each worker, and stay there. */
const MOST_BYTES = 256 * 1024

const body = (form: string) =>
  z
    .string()
    .optional()
    .meta({ description: `The page in ${form}.` })
const file = (form: string) =>
  nonEmpty()
    .optional()
    .meta({ description: `File with the page in ${form}; relative to this file.` })

export const pageKeys = {
  html: body('HTML'),
  html_file: file('HTML'),
  json: body('JSON'),
  json_file: file('JSON'),
  text: body('plain text'),
  text_file: file('plain text'),
}

type PageDraft = Draft<z.input<z.ZodObject<typeof pageKeys>>>

export function readBodies(draft: PageDraft, path: Path, context: Context): PageBodies {
  const { report } = context
  const bodies: Partial<Record<PageForm, string>> = {}
  for (const form of PAGE_FORMS) {
    const given = draft[form]
    const name = draft[`${form}_file`]
    if (given !== undefined && name !== undefined)
      report.fault([...path, `${form}_file`], { message: `"${form}" is there too`, hint: 'keep one of the two' }, 'key')
    const content = given ?? (name === undefined ? undefined : readPage(name, [...path, `${form}_file`], context))
    if (content !== undefined) bodies[form] = content
  }
  if (PAGE_FORMS.every((form) => draft[form] === undefined && draft[`${form}_file`] === undefined))
    report.fault(
      path,
      { message: 'a page needs "html", "json" or "text"', hint: 'or a file: "html_file" and so on' },
      'key',
    )
  return bodies
}

function readPage(name: string, at: Path, { directory, report }: Context): string | undefined {
  const read = readSmallFile(resolve(directory, name))
  if (!read.ok) {
    report.fault(at, read.absent ? { message: read.message, hint: 'it is relative to this config file' } : read.message)
    return undefined
  }
  if (read.bytes.length <= MOST_BYTES) return read.bytes.toString('utf8')
  report.fault(at, `larger than ${MOST_BYTES / 1024} KiB`)
  return undefined
}
