import type { Namespace } from '../useTexts';
import en from './en.json';
import es from './es.json';
import ptBR from './pt-BR.json';

export const commonTexts: Namespace<'common'> = { name: 'common', languages: { 'pt-BR': ptBR, en, es } };
