/// <reference lib="dom" />

/** What somebody can do to the run from its page. */
export interface Controls {
  /** What the connection to the run is like; empty: it is fine. */
  tellLink(words: string): void;
  /** There is nothing to be done any more. */
  end(heading: string, words: string): void;
}

/** Lets the buttons of the page ask the run. */
export function startControls(): Controls {
  const key = document.querySelector<HTMLMetaElement>('meta[name="c2m-key"]')?.content ?? '';
  const form = elementOf<HTMLFormElement>('rate-form');
  const [rate, why] = [elementOf<HTMLInputElement>('rate'), elementOf<HTMLInputElement>('why')];
  const [stop, dialog] = [elementOf<HTMLButtonElement>('stop'), elementOf<HTMLDialogElement>('stop-dialog')];
  const [answer, link, title] = ['answer', 'link', 'live-title'].map((id) => elementOf(id)) as [
    HTMLElement,
    HTMLElement,
    HTMLElement,
  ];

  const ask = async (action: string, body: object): Promise<void> => {
    const { isDone, words } = await post(action, body, key);
    answer.textContent = words;
    answer.classList.toggle('refused', !isDone);
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask('rate', { rate: rate.value });
  });
  stop.addEventListener('click', () => dialog.showModal());
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'stop') ask('stop', { why: why.value });
    dialog.returnValue = '';
  });

  return {
    tellLink: (words) => {
      if (link.textContent !== words) link.textContent = words;
    },
    end: (heading, words) => {
      dialog.close();
      const hadFocus = document.activeElement?.closest('.controls') !== null;
      document.querySelector('.controls')?.remove();
      title.textContent = heading;
      answer.textContent = words;
      answer.classList.remove('refused');
      link.textContent = '';
      // What had the focus is gone; the next key goes on from here.
      if (hadFocus) title.focus({ preventScroll: true });
    },
  };
}

async function post(action: string, body: object, key: string): Promise<{ isDone: boolean; words: string }> {
  try {
    const response = await fetch(action, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-c2m-key': key },
      body: JSON.stringify(body),
    });
    return (await response.json()) as { isDone: boolean; words: string };
  } catch {
    // Whatever went wrong between here and there: nobody knows whether it was heard.
    return { isDone: false, words: 'The run did not answer. Is it over? The terminal that started it says.' };
  }
}

function elementOf<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}
