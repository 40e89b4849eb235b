// Feeds as fields: RSS (0.9 to 2.0, RDF) and Atom come out with the same names.
import { type Budget, Unreadable } from '../budget.js'
import type { Fields, Value } from '../value.js'
import { type Element, readXml } from './xml-reader.js'

export function decodeFeed(text: string, budget: Budget): Fields {
  const root = readXml(text, budget)
  if (root.name === 'feed') return atomFeed(root)
  const channel = child(root, 'channel')
  if (channel === undefined || (root.name !== 'rss' && root.name !== 'RDF'))
    throw new Unreadable('the answer is neither RSS nor Atom')
  // In RDF the items stand beside the channel.
  return rssFeed(channel, root.name === 'RDF' ? root : channel)
}

function rssFeed(channel: Element, holder: Element): Fields {
  const image = child(channel, 'image') ?? child(holder, 'image')
  return feed('rss', holder.children.filter(named('item')).map(rssItem), channel, {
    author: person(textIn(channel, 'managingEditor') ?? textIn(channel, 'creator')),
    categories: categories(channel),
    copyright: textIn(channel, 'copyright') ?? textIn(channel, 'rights') ?? '',
    description: textIn(channel, 'description') ?? '',
    language: textIn(channel, 'language') ?? '',
    published: textIn(channel, 'pubDate') ?? textIn(channel, 'date') ?? '',
    updated: textIn(channel, 'lastBuildDate') ?? '',
    image: image && textIn(image, 'url'),
  })
}

function atomFeed(root: Element): Fields {
  return feed('atom', root.children.filter(named('entry')).map(atomItem), root, {
    author: atomPerson(child(root, 'author')),
    categories: categories(root),
    copyright: textIn(root, 'rights') ?? '',
    description: textIn(root, 'subtitle') ?? textIn(root, 'tagline') ?? '',
    language: attribute(root, 'lang') ?? '',
    published: '',
    updated: textIn(root, 'updated') ?? textIn(root, 'modified') ?? '',
    image: textIn(root, 'logo'),
  })
}

interface Parts {
  readonly author: Value
  readonly categories: Value
  readonly copyright: string
  readonly description: string
  readonly language: string
  readonly published: string
  readonly updated: string
  readonly image: string | undefined
}

function feed(type: string, items: Value[], titled: Element, { image, ...parts }: Parts): Fields {
  const fields: Fields = new Map(Object.entries(parts))
  fields
    .set('items', items)
    .set('type', type)
    .set('title', textIn(titled, 'title') ?? '')
    .set('custom', null)
  if (image !== undefined) fields.set('img_url', image)
  return fields
}

function rssItem(item: Element): Fields {
  const author = textIn(item, 'author') ?? textIn(item, 'creator')
  const published = textIn(item, 'pubDate') ?? textIn(item, 'date')
  const enclosures = item.children
    .filter(named('enclosure'))
    .map((one): Fields =>
      some({ url: attribute(one, 'url'), length: attribute(one, 'length'), type: attribute(one, 'type') }),
    )
  const link = textIn(item, 'link')
  return some({
    title: textIn(item, 'title'),
    description: textIn(item, 'description'),
    content: textIn(item, 'encoded'),
    link,
    links: link === undefined ? undefined : [link],
    published,
    publishedParsed: instant(published),
    author: author === undefined ? undefined : person(author),
    authors: author === undefined ? undefined : [person(author)],
    guid: textIn(item, 'guid'),
    categories: categories(item) ?? undefined,
    enclosures: enclosures.length === 0 ? undefined : enclosures,
  })
}

function atomItem(entry: Element): Fields {
  const published = textIn(entry, 'published') ?? textIn(entry, 'issued')
  const updated = textIn(entry, 'updated') ?? textIn(entry, 'modified')
  const authors = entry.children.filter(named('author')).map(atomPerson)
  const links = entry.children
    .filter(named('link'))
    .filter((link) => (attribute(link, 'rel') ?? 'alternate') === 'alternate')
    .flatMap((link) => attribute(link, 'href') ?? [])
  return some({
    title: textIn(entry, 'title'),
    description: textIn(entry, 'summary'),
    content: textIn(entry, 'content'),
    link: links[0],
    links: links.length === 0 ? undefined : links,
    updated,
    updatedParsed: instant(updated),
    published,
    publishedParsed: instant(published),
    author: authors[0],
    authors: authors.length === 0 ? undefined : authors,
    guid: textIn(entry, 'id'),
    categories: categories(entry) ?? undefined,
  })
}

function named(name: string): (element: Element) => boolean {
  return (element) => element.name === name
}

/** A plain one before one of another vocabulary, such as that of a podcast. */
function child(element: Element, name: string): Element | undefined {
  const all = element.children.filter(named(name))
  return all.find(({ prefix }) => prefix === element.prefix) ?? all[0]
}

function textIn(element: Element, name: string): string | undefined {
  const text = child(element, name)?.text.join(' ')
  return text === '' ? undefined : text
}

function attribute(element: Element, name: string): string | undefined {
  return element.attributes.find(([given]) => given === name)?.[1]
}

function categories(element: Element): string[] | null {
  const found = element.children.filter(named('category')).flatMap((one) => {
    const text = one.text.join(' ')
    return text === '' ? (attribute(one, 'term') ?? attribute(one, 'text') ?? []) : text
  })
  return found.length === 0 ? null : found
}

/** `address (name)`, `name <address>`, or one of the two. */
function person(given: string | undefined): Fields | null {
  if (given === undefined) return null
  const bracket = /^([^()]*)\(([^()]*)\)$/.exec(given)
  if (bracket !== null) return some({ email: bracket[1]?.trim(), name: bracket[2]?.trim() })
  const angle = /^([^<>]*)<([^<>]*)>$/.exec(given)
  if (angle !== null) return some({ email: angle[2]?.trim(), name: angle[1]?.trim() })
  return some(given.includes('@') && !given.includes(' ') ? { email: given } : { name: given })
}

function atomPerson(element: Element | undefined): Fields | null {
  return element === undefined ? null : some({ name: textIn(element, 'name'), email: textIn(element, 'email') })
}

function instant(date: string | undefined): string | undefined {
  const at = date === undefined ? NaN : Date.parse(date)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace(/\.000Z$/, 'Z')
}

/** Without what is not there. */
function some(given: Record<string, Value | undefined>): Fields {
  return new Map(
    Object.entries(given).filter((entry): entry is [string, Value] => entry[1] !== undefined && entry[1] !== ''),
  )
}
