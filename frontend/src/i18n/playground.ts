import en from './en/playground.json';
import es from './es/playground.json';
import ptBR from './pt-BR/playground.json';
import type { Namespace } from './useTexts';

export const playgroundTexts: Namespace<'playground'> = {
  name: 'playground',
  languages: { 'pt-BR': ptBR, en, es },
};
