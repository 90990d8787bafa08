import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import ptBR from '../i18n/pt-BR.json';

function isPartName(name: string): name is keyof typeof ptBR.copy.parts {
  return Object.hasOwn(ptBR.copy.parts, name);
}

/** Return a function that translates the API's part names. Parts of a list have an index: `headlines.0`. */
export function usePartName(): (part: string) => string {
  const t = useTexts(assistantTexts);
  return (part) => {
    const [name = '', index] = part.split('.');
    const translated = isPartName(name) ? t(`copy.parts.${name}`) : name;
    return index === undefined ? translated : `${translated} ${Number(index) + 1}`;
  };
}
