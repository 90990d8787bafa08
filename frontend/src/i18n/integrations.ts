import en from './en/integrations.json';
import es from './es/integrations.json';
import ptBR from './pt-BR/integrations.json';
import type { Namespace } from './useTexts';

export const integrationsTexts: Namespace<'integrations'> = {
  name: 'integrations',
  languages: { 'pt-BR': ptBR, en, es },
};
