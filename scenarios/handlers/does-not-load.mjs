/** A broken version, for `hot-reload`: what it wants is not there. */
throw new Error('the table of users was not found');
