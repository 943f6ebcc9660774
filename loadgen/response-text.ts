/**
 * The body of an answer as text.
 * @throws where it is longer than `mostLetters`: somebody who sends without end must not fill our memory
 */
export async function responseText(response: Response, mostLetters: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > mostLetters) throw new Error('its answer has no end');
  }
  return text;
}
