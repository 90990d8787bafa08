import type demo from './demo/i18n/pt-BR.json';
import type assistant from './features/assistant/i18n/pt-BR.json';
import type audit from './features/audit/i18n/pt-BR.json';
import type integrations from './features/integrations/i18n/pt-BR.json';
import type selector from './features/selector/i18n/pt-BR.json';
import type usage from './features/usage/i18n/pt-BR.json';
import type common from './i18n/common/pt-BR.json';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    /** Portuguese defines the keys: a key that another language lacks is a type error. */
    resources: {
      common: typeof common;
      assistant: typeof assistant;
      audit: typeof audit;
      demo: typeof demo;
      integrations: typeof integrations;
      selector: typeof selector;
      usage: typeof usage;
    };
  }
}
