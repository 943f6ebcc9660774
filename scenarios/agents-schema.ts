import { z } from 'zod';
import { QUANTITIES, quote } from '../record/quantity.js';
import { oneOf } from './choice.js';
import { quantity } from './quantity-schema.js';

/** More machines than this no coordinator was measured with; docs/machines.md. */
const MOST_HOSTS = 1000;
const HOSTS = `must be all or a whole number from 1 to ${MOST_HOSTS}`;

/** What machines are chosen by. */
export const LABEL = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;

/** Which machines simulate the clients, where it is not this one; see docs/machines.md. */
export const agentsSchema = z.strictObject({
  nats: z
    .string('must be the address of a NATS server, such as nats://10.0.0.5:4222')
    .regex(/^(nats|tls):\/\/\S+$/, 'must be the address of a NATS server, such as nats://10.0.0.5:4222')
    .optional()
    .meta({
      description: 'Where the machines that run `c2m agent` are met; `--agents` says it as well.',
      shape: '`nats://host:port` or `tls://host:port`',
    }),
  hosts: z
    .union([z.literal('all'), z.number().int(HOSTS).min(1, HOSTS).max(MOST_HOSTS, HOSTS)], {
      error: ({ input }) => `${quote(input)} ${HOSTS}`,
    })
    .prefault('all')
    .meta({
      description: 'Machines to take, those that hold most first.',
      shape: `\`all\` or ${QUANTITIES.count.base}`,
    }),
  atLeast: z
    .number('must be a whole number of machines')
    .int('must be a whole number of machines')
    .min(1, `must be from 1 to ${MOST_HOSTS}`)
    .max(MOST_HOSTS, `must be from 1 to ${MOST_HOSTS}`)
    .prefault(1)
    .meta({ description: 'With fewer machines than this nothing is started.', shape: QUANTITIES.count.base }),
  wait: quantity('duration', { min: 0, words: 'a duration' })
    .prefault('10s')
    .meta({ description: 'How long to wait until so many have announced themselves.' }),
  labels: z
    .array(z.string('must be a label').regex(LABEL, 'must be letters, digits, dots, dashes'), {
      error: 'must be a list of labels, such as [eu, large]',
    })
    .prefault([])
    .meta({ description: 'Only machines with all of these labels (`c2m agent --label`).' }),
  lost: oneOf(['invalidate', 'tolerate']).prefault('invalidate').meta({
    description:
      'When an agent dies or is cut off: `invalidate` ends the run, whose verdict is then `invalid`; `tolerate` goes on with what remains, and says what that was.',
  }),
});
