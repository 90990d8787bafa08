import type audit from './pt-BR/audit.json';
import type common from './pt-BR/common.json';
import type dashboard from './pt-BR/dashboard.json';
import type demo from './pt-BR/demo.json';
import type integrations from './pt-BR/integrations.json';
import type playground from './pt-BR/playground.json';
import type selector from './pt-BR/selector.json';

/** Portuguese is the language that the others follow: a key that they lack is an error of types. */
export interface Texts {
  common: typeof common;
  selector: typeof selector;
  dashboard: typeof dashboard;
  integrations: typeof integrations;
  playground: typeof playground;
  audit: typeof audit;
  demo: typeof demo;
}

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    resources: Texts;
  }
}
