import { userInfo } from 'node:os';

/** Of whoever runs this. In a container a user may have a number and no name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
    return `user ${process.getuid?.() ?? '?'}`;
  }
}
