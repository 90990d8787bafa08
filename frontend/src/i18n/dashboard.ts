import en from './en/dashboard.json';
import es from './es/dashboard.json';
import ptBR from './pt-BR/dashboard.json';
import type { Namespace } from './useTexts';

export const dashboardTexts: Namespace<'dashboard'> = {
  name: 'dashboard',
  languages: { 'pt-BR': ptBR, en, es },
};
