import { addCommonOptions } from '../session.ts'
import { type Define, examples } from './command.ts'
import { defineKeyAnchor } from './key-anchor.ts'
import { defineKeyExport, defineKeyList, defineKeyRemove, defineKeyRotate } from './key-mesh.ts'
import { definePnet } from './key-pnet.ts'

export const define: Define = (command, open) => {
  command.enablePositionalOptions().helpCommand(false)
  defineKeyList(addCommonOptions(command.command('ls')), open)
  defineKeyExport(addCommonOptions(command.command('export')), open)
  defineKeyRemove(addCommonOptions(command.command('remove')), open)
  defineKeyAnchor(addCommonOptions(command.command('anchor')), open)
  defineKeyRotate(addCommonOptions(command.command('rotate')), open)
  definePnet(addCommonOptions(command.command('pnet')), open)
  command.addHelpText(
    'after',
    examples(
      'vsmcp key ls',
      'vsmcp key export /media/usb/mesh.key',
      'vsmcp key anchor --mesh-key /media/usb/mesh.key',
      'vsmcp key rotate',
      'vsmcp key pnet --new pnet.key',
    ),
  )
}
