import { expect, test } from 'vitest';
import { CommandLineError, splitCommandLine } from '../../scenarios/command-words.js';

test.each([
  ['node server.js --port 8080', ['node', 'server.js', '--port', '8080']],
  ['  node\tserver.js \n', ['node', 'server.js']],
  [`sh -c 'echo $HOME | wc'`, ['sh', '-c', 'echo $HOME | wc']],
  ['"two words" \'and three more\'', ['two words', 'and three more']],
  [`--name="a b"c'd'`, ['--name=a bcd']],
  ["''", ['']],
  [String.raw`a\ b \"c\" "d\"e\\f\n"`, ['a b', '"c"', 'd"e\\f\\n']],
  ['~/server *.js', ['~/server', '*.js']],
  ['', []],
])('%s is split as a shell would', (line, words) => {
  expect(splitCommandLine(line)).toEqual(words);
});

test.each([
  ['node a.js > log', 'has >, which is for a shell'],
  ['a | b', 'has |, which is for a shell'],
  ['a; b', 'has ;, which is for a shell'],
  ['echo $HOME', 'has $, which is for a shell'],
  ['echo "$HOME"', 'has $, which is for a shell'],
  ['echo `date`', 'has `, which is for a shell'],
  ['node "server.js', 'has no end of what begins with "'],
  ['node \\', 'ends with a backslash'],
])('%s is refused: nobody would do there what a shell does', (line, words) => {
  expect(() => splitCommandLine(line)).toThrow(CommandLineError);
  expect(() => splitCommandLine(line)).toThrow(words);
});
