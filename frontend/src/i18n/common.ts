import en from './en/common.json';
import es from './es/common.json';
import ptBR from './pt-BR/common.json';
import type { Namespace } from './useTexts';

export const commonTexts: Namespace<'common'> = { name: 'common', languages: { 'pt-BR': ptBR, en, es } };
