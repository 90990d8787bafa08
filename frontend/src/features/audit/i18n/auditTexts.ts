import type { Namespace } from '@/i18n/useTexts';
import en from './en.json';
import es from './es.json';
import ptBR from './pt-BR.json';

export const auditTexts: Namespace<'audit'> = { name: 'audit', languages: { 'pt-BR': ptBR, en, es } };
