/** An element as a parser found it. */
export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  /** Directly within it. */
  text: string;
}

/**
 * What an element breaks of a schema, in words; empty: nothing. It knows the parts of XML Schema that JUnit's schemas
 * are made of, and throws at any other, so that nothing passes because it was not understood.
 */
export function schemaViolations(schema: XmlElement, root: XmlElement): string[] {
  const named = (kind: string, name: string | undefined): XmlElement | undefined =>
    schema.children.find((each) => each.name === `xs:${kind}` && each.attributes.name === name);
  return violationsOf(root, declarationOf(root.name));

  function declarationOf(name: string): XmlElement | undefined {
    return named('element', name);
  }

  function violationsOf(element: XmlElement, declaration: XmlElement | undefined): string[] {
    if (!declaration) return [`<${element.name}> is not declared`];
    const { type } = declaration.attributes;
    if (type === 'xs:string') return [...undeclared(element, []), ...childrenOf(element, /^$/, new Map())];
    const complex =
      type === undefined
        ? declaration.children.find(({ name }) => name === 'xs:complexType')
        : named('complexType', type);
    if (!complex) throw new Error(`<${element.name}> has a type that is not understood: ${type}`);
    const inside = new Map<string, XmlElement>();
    const particles = complex.children.filter(({ name }) => name !== 'xs:attribute');
    const model = new RegExp(`^${particles.map((particle) => patternOf(particle, inside)).join('')}$`);
    const attributes = complex.children.filter(({ name }) => name === 'xs:attribute');
    const isMixed = complex.attributes.mixed === 'true';
    return [
      ...undeclared(element, attributes),
      ...attributes.flatMap((attribute) => attributeViolations(element, attribute)),
      ...(isMixed || element.text.trim() === '' ? [] : [`<${element.name}> may hold no text`]),
      ...childrenOf(element, model, inside),
    ];
  }

  function childrenOf(element: XmlElement, model: RegExp, inside: Map<string, XmlElement>): string[] {
    const names = element.children.map(({ name }) => `<${name}>`).join('');
    const order = model.test(names) ? [] : [`<${element.name}> may not hold ${names || 'nothing'}`];
    return [
      ...order,
      ...element.children.flatMap((child) =>
        violationsOf(child, inside.get(child.name) ?? declarationOf(child.name)),
      ),
    ];
  }

  /** The order of children that a particle allows, as a pattern of their names. */
  function patternOf(particle: XmlElement, inside: Map<string, XmlElement>): string {
    const { minOccurs = '1', maxOccurs = '1', ref, name } = particle.attributes;
    const most = maxOccurs === 'unbounded' ? '' : maxOccurs;
    const parts = (): string[] => particle.children.map((child) => patternOf(child, inside));
    const times = `{${minOccurs},${most}}`;
    switch (particle.name) {
      case 'xs:sequence':
        return `(?:${parts().join('')})${times}`;
      case 'xs:choice':
        return `(?:${parts().join('|')})${times}`;
      case 'xs:element':
        if (name !== undefined) inside.set(name, particle);
        return `(?:<${ref ?? name}>)${times}`;
      default:
        throw new Error(`${particle.name} is not understood`);
    }
  }

  function undeclared(element: XmlElement, attributes: XmlElement[]): string[] {
    const known = new Set(attributes.map(({ attributes: { name } }) => name));
    return Object.keys(element.attributes)
      .filter((name) => !known.has(name))
      .map((name) => `<${element.name}> has no attribute ${name}`);
  }

  function attributeViolations(element: XmlElement, { attributes }: XmlElement): string[] {
    const { name = '', use, type } = attributes;
    const value = element.attributes[name];
    if (value === undefined) return use === 'required' ? [`<${element.name}> needs ${name}`] : [];
    if (type === 'xs:string') return [];
    const restriction = named('simpleType', type)?.children[0];
    const pattern = restriction?.children[0]?.attributes.value;
    if (restriction?.name !== 'xs:restriction' || pattern === undefined) {
      throw new Error(`the type ${type} is not understood`);
    }
    return new RegExp(`^(?:${pattern})$`).test(value)
      ? []
      : [`<${element.name}> ${name}="${value}" is no ${type}`];
  }
}
