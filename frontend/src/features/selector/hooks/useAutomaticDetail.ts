import type { ProviderConfig } from '@/api/configs';
import { ANY_MODULE, useFallbackOrders } from '@/api/fallback';
import { displayName } from '@/api/providers';
import { useTexts } from '@/i18n/useTexts';
import { selectorTexts } from '../i18n/selectorTexts';

/** Return a function that describes the automatic choice: the providers in their order, or a hint if it is unknown. */
export function useAutomaticDetail(module: string): (enabled: readonly ProviderConfig[]) => string {
  const t = useTexts(selectorTexts);
  const orders = useFallbackOrders();
  const order = orders.data?.[module] ?? orders.data?.[ANY_MODULE];
  return (enabled) => {
    if (order !== undefined && order.strategy !== 'ordered') return t(`strategies.${order.strategy}`);
    if (order === undefined) return orders.isSuccess ? t('automaticAll') : t('automaticHint');
    // The default provider comes first, then the order without it.
    const first = enabled.filter((config) => config.isDefault).map((config) => config.provider);
    const next = order.providers.map((step) => step.provider);
    const usable = new Set(enabled.map((config) => config.provider));
    const candidates = [...new Set([...first, ...next])].filter((provider) => usable.has(provider));
    return candidates.length === 0 ? t('automaticHint') : candidates.map(displayName).join(' → ');
  };
}
