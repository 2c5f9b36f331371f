// Elements of the page.  Text from the data never becomes markup: nothing here takes HTML.

export const $ = id => document.getElementById(id);

// An element; attributes that begin with `on` are listeners, those that are null or false are left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== null && child !== ''));
  return element;
}

// A command with a button that copies it.
export function command(text) {
  const copy = h('button', { type: 'button', onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = 'Copied';
    } catch { // no permission: it can be selected
      getSelection().selectAllChildren(line);
    }
  } }, 'Copy the command');
  const line = h('code', {}, text);
  return [h('pre', {}, line), copy];
}
