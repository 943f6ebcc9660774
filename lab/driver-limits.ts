import type { DriverPlan } from '../loadgen/agent-messages.js';
import { loadDriver } from '../loadgen/drivers/load-driver.js';
import { InputError } from '../record/input-error.js';
import { type Promises, whyUntold } from '../record/promises.js';
import { driverSchema } from '../scenarios/driver-schema.js';
import type { Scenario } from '../scenarios/scenario.js';
import { isSecretKey } from '../scenarios/secret-places.js';

/**
 * What a scenario asks of its protocol, against what that can tell and be carried by.
 * @throws InputError with everything that the protocol cannot do
 */
export async function checkDriver(scenario: Scenario, { name, settings }: DriverPlan): Promise<Promises> {
  const driver = await loadDriver(name, settings);
  const promises = driver.promises(settings);
  const words = [driver.name, settingWords(name, settings)].filter(Boolean).join(' with ');
  const problems = [
    ...scenario.gates.flatMap(({ metric, expression }) => {
      const what = whyUntold(promises, metric);
      return what === undefined
        ? []
        : [`gates: ${expression}: ${words} cannot tell ${what}; leave the gate out`];
    }),
    ...(scenario.groups && !promises.groups
      ? [`groups: ${words} has no groups; ${driver.groupsNeed ?? 'leave them out'}`]
      : []),
    ...carrierProblems(scenario, words, driver.framing(settings).carriers),
    ...(scenario.media && name !== 'c2m'
      ? ['media: are sent to the media port of a c2m server; leave them out']
      : []),
    ...(driver.problems?.(settings, scenario) ?? []),
  ];
  if (problems.length > 0) throw new InputError(problems.join('\n'));
  return promises;
}

function carrierProblems({ target }: Scenario, words: string, carriers: readonly string[]): string[] {
  if (target.kind === 'embedded') return [];
  const protocols = target.addresses.map((address) => address.slice(0, address.indexOf(':')).toLowerCase());
  return [...new Set(protocols)]
    .filter((protocol) => !carriers.includes(protocol))
    .map(
      (protocol) => `target.addresses: ${words} is not carried by ${protocol}; write ${carriers.join(', ')}`,
    );
}

/** Of the settings, those that somebody has chosen and that are told in a word: `qos 0`; and the mode in any case. */
function settingWords(name: string, settings: unknown): string {
  const usual = driverSchema.safeParse(name).data?.settings ?? {};
  return Object.entries(settings as Record<string, unknown>)
    .filter(
      ([key, value]) =>
        key === 'mode' || (/number|boolean/.test(typeof value) && value !== usual[key] && !isSecretKey(key)),
    )
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
}
