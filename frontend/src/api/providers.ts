import type { Schemas } from './client';

export type ProviderName = Schemas['ProviderName'];

const DISPLAY_NAMES: Readonly<Record<ProviderName, string>> = {
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  google: 'Google Gemini',
  groq: 'Groq',
  openrouter: 'OpenRouter',
};

/** All providers, in the order of the user interface. */
export const PROVIDERS = Object.keys(DISPLAY_NAMES) as readonly ProviderName[];

export function isProviderName(name: string): name is ProviderName {
  return name in DISPLAY_NAMES;
}

/** Return the provider's name as people write it, or the given name if it is unknown. */
export function displayName(provider: string): string {
  return isProviderName(provider) ? DISPLAY_NAMES[provider] : provider;
}
