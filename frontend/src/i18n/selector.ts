import en from './en/selector.json';
import es from './es/selector.json';
import ptBR from './pt-BR/selector.json';
import type { Namespace } from './useTexts';

export const selectorTexts: Namespace<'selector'> = {
  name: 'selector',
  languages: { 'pt-BR': ptBR, en, es },
};
