import { headingIds } from './heading-ids.js';
import { siteLink } from './site-links.js';

/** What our pages need of markdown-it beside its own. @param fileOf tells of an environment whose page it is */
export function extendMarkdown(markdown, fileOf) {
  // Diagrams are indented blocks; Eleventy turns those off.
  markdown.enable('code');
  giveIds(markdown);
  rewriteLinks(markdown, fileOf);
  showFileNames(markdown);
  scrollByKeyboard(markdown);
  emptyHeads(markdown);
}

function giveIds(markdown) {
  markdown.core.ruler.push('heading_ids', ({ tokens }) => {
    const idOf = headingIds();
    tokens.forEach((token, index) => {
      if (token.type !== 'heading_open') return;
      const words = tokens[index + 1].children
        .filter(({ type }) => type === 'text' || type === 'code_inline')
        .map(({ content }) => content)
        .join('');
      token.attrSet('id', idOf(words));
    });
  });
  markdown.renderer.rules.heading_close = (tokens, index) => {
    const id = tokens[index - 2].attrGet('id');
    const { tag } = tokens[index];
    return tag === 'h1'
      ? `</${tag}>\n`
      : `<a class="anchor" href="#${id}" aria-label="Link to this part">#</a></${tag}>\n`;
  };
}

/** A figure leads to the record that it is of: on the site to the report that is made from it. */
function rewriteLinks(markdown, fileOf) {
  markdown.core.ruler.push('site_links', ({ tokens, env }) => {
    const file = fileOf(env);
    for (const { children } of tokens) {
      const dropped = [];
      for (const token of children ?? []) {
        if (token.type === 'image') token.attrSet('src', siteLink(file, token.attrGet('src')));
        if (token.type === 'link_close' && dropped.pop()) token.hidden = true;
        if (token.type !== 'link_open') continue;
        const link = siteLink(file, token.attrGet('href'));
        dropped.push(link === undefined);
        if (link === undefined) token.hidden = true;
        else token.attrSet('href', link);
      }
    }
  });
  const { rules } = markdown.renderer;
  for (const type of ['link_open', 'link_close'])
    rules[type] = (tokens, index, options, _env, self) =>
      tokens[index].hidden ? '' : self.renderToken(tokens, index, options);
}

/** What is wider than the page is scrolled by itself, and so has to take the focus. */
function scrollByKeyboard(markdown) {
  const { rules } = markdown.renderer;
  rules.table_open = () => '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>\n';
  rules.table_close = () => '</table></div>\n';
  for (const name of ['fence', 'code_block']) {
    const block = rules[name].bind(rules);
    rules[name] = (...all) => block(...all).replace('<pre>', '<pre tabindex="0">');
  }
}

/** A head without words heads nothing. */
function emptyHeads(markdown) {
  markdown.core.ruler.push('empty_heads', ({ tokens }) => {
    tokens.forEach((token, index) => {
      if (token.type !== 'th_open' || tokens[index + 1].content !== '') return;
      token.tag = 'td';
      tokens[index + 2].tag = 'td';
    });
  });
}

/** ```yaml lunch.yaml is shown with its name. */
function showFileNames(markdown) {
  const { rules } = markdown.renderer;
  const fence = rules.fence.bind(rules);
  rules.fence = (tokens, index, options, env, self) => {
    const name = tokens[index].info.trim().split(' ')[1] ?? '';
    const isFile = name.includes('.');
    const shown = isFile ? `<p class="file"><code>${markdown.utils.escapeHtml(name)}</code></p>\n` : '';
    return shown + fence(tokens, index, options, env, self);
  };
}
