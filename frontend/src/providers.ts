import type { Schemas } from './api/client';

export type ProviderName = Schemas['ProviderName'];

const DISPLAY_NAMES: Readonly<Record<ProviderName, string>> = {
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  google: 'Google Gemini',
  groq: 'Groq',
  openrouter: 'OpenRouter',
};

/** In the order in which they are shown. */
export const PROVIDERS = Object.keys(DISPLAY_NAMES) as readonly ProviderName[];

export function isProviderName(name: string): name is ProviderName {
  return name in DISPLAY_NAMES;
}

/** How people write the provider's name; the name itself where it is new to us. */
export function displayName(provider: string): string {
  return isProviderName(provider) ? DISPLAY_NAMES[provider] : provider;
}
