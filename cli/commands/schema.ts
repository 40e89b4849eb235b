// `serverpy schema`: prints the JSON Schema of config files, for editors and CI.
import { Command } from 'commander'
import { jsonSchema } from '../../shared/config/schema/json-schema.js'

export function schemaCommand(out: (text: string) => void = (text) => void process.stdout.write(text)): Command {
  return new Command('schema')
    .description('print the JSON Schema of config files')
    .action(() => out(`${JSON.stringify(jsonSchema(), null, 2)}\n`))
}
