import en from './en/audit.json';
import es from './es/audit.json';
import ptBR from './pt-BR/audit.json';
import type { Namespace } from './useTexts';

export const auditTexts: Namespace<'audit'> = { name: 'audit', languages: { 'pt-BR': ptBR, en, es } };
