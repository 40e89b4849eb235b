// Dates of HTTP in their three forms, and no others: what is merely like one says nothing (RFC 9110 section 5.6.7).

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)'
const LONG_DAY = '(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)'
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)'
const MONTH = `(${MONTHS.join('|')})`

const IMF = new RegExp(`^${DAY}, (\\d\\d) ${MONTH} (\\d{4}) ${TIME} gmt$`, 'i')
const RFC_850 = new RegExp(`^${LONG_DAY}, (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} gmt$`, 'i')
const ASCTIME = new RegExp(`^${DAY} ${MONTH} ([ \\d]\\d) ${TIME} (\\d{4})$`, 'i')

/** Epoch milliseconds; undefined for what is no date. `nowMs`: for years of two digits. */
export function httpDateMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const [, day, month, year, hour, minute, second] = IMF.exec(text) ?? []
  if (day !== undefined) return at(year, month, day, hour, minute, second)
  const old = RFC_850.exec(text)
  if (old !== null) return at(String(fullYear(Number(old[3]), nowMs)), old[2], old[1], old[4], old[5], old[6])
  const plain = ASCTIME.exec(text)
  return plain === null ? undefined : at(plain[6], plain[1], plain[2], plain[3], plain[4], plain[5])
}

/** One that seems to be more than 50 years ahead is of the last century. */
function fullYear(short: number, nowMs: number): number {
  const now = new Date(nowMs).getUTCFullYear()
  const year = now - (now % 100) + short
  return year > now + 50 ? year - 100 : year
}

function at(...[year, month, day, hour, minute, second]: (string | undefined)[]): number | undefined {
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)]
  if (d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined
  return Date.UTC(Number(year), MONTHS.indexOf((month ?? '').toLowerCase()), d, h, m, s)
}
