// The parts of the untyped package `ping` that its probe uses.
declare module 'ping/lib/builder/factory.js' {
  const builders: {
    isPlatformSupport(platform: string): boolean
    /** Takes seconds; fills in its defaults for what is missing. */
    createBuilder(platform: string): {
      getCommandArguments(host: string, options: { timeout: number; deadline: number | false; v6: boolean }): string[]
    }
  }
  export default builders
}

declare module 'ping/lib/parser/factory.js' {
  const parsers: {
    createParser(
      host: string,
      platform: string,
    ): {
      eat(line: string): void
      getResult(): { readonly alive: boolean; readonly time: number | 'unknown' }
    }
  }
  export default parsers
}
