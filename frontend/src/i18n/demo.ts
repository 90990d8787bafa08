import en from './en/demo.json';
import es from './es/demo.json';
import ptBR from './pt-BR/demo.json';
import type { Namespace } from './useTexts';

export const demoTexts: Namespace<'demo'> = { name: 'demo', languages: { 'pt-BR': ptBR, en, es } };
