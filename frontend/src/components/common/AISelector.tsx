import { type ProviderConfig, useConfigs } from '../../api/configs';
import { ANY_MODULE, useFallback } from '../../api/fallback';
import { selectorTexts } from '../../i18n/selector';
import { useTexts } from '../../i18n/useTexts';
import { displayName, isProviderName, type ProviderName } from '../../providers';
import { Badge } from '../ui/Badge';
import { EmptyState } from '../ui/EmptyState';
import { ErrorState } from '../ui/ErrorState';
import { Field } from '../ui/Field';
import { Select, type SelectOption } from '../ui/Select';
import { Skeleton } from '../ui/Skeleton';

/** A provider, or `auto`: the order that the company has set. */
export type AISelection = ProviderName | 'auto';

export interface AISelectorProps {
  /** null: nothing is chosen yet. */
  readonly value: AISelection | null;
  readonly onChange: (value: AISelection) => void;
  readonly label: string;
  readonly showModel?: boolean;
  /** The CRM's module that asks: its order of fallback is what the automatic choice follows. */
  readonly module?: string;
  readonly disabled?: boolean;
  /** The field's name where the selector stands in a form. */
  readonly name?: string;
  readonly required?: boolean;
}

/** Chooses among the tenant's enabled providers. */
export function AISelector({ label, showModel = true, module = ANY_MODULE, ...control }: AISelectorProps) {
  const t = useTexts(selectorTexts);
  const configs = useConfigs();
  const automatic = useAutomatic(module);
  if (configs.isPending) return <Skeleton height="4rem" />;
  if (configs.isError) return <ErrorState error={configs.error} onRetry={() => void configs.refetch()} />;
  const enabled = configs.data.filter((config) => config.enabled);
  if (enabled.length === 0) return <EmptyState title={t('empty')} />;
  const options: SelectOption<AISelection>[] = [
    { value: 'auto', label: t('automatic'), detail: automatic(enabled) },
  ];
  for (const config of enabled) {
    if (!isProviderName(config.provider)) continue;
    options.push({
      value: config.provider,
      label: displayName(config.provider),
      detail: <Detail config={config} showModel={showModel} />,
    });
  }
  const { value } = control;
  if (value !== null && !options.some((option) => option.value === value)) {
    options.push({ value, label: displayName(value), detail: t('unavailable'), disabled: true });
  }
  return (
    <Field label={label}>
      <Select<AISelection> {...control} options={options} placeholder={t('placeholder')} />
    </Field>
  );
}

/** Says whom the automatic choice asks, and in which order; less where the order is not known. */
function useAutomatic(module: string): (enabled: readonly ProviderConfig[]) => string {
  const t = useTexts(selectorTexts);
  const orders = useFallback();
  const order = orders.data?.[module] ?? orders.data?.[ANY_MODULE];
  return (enabled) => {
    if (order !== undefined && order.strategy !== 'ordered') return t(`strategies.${order.strategy}`);
    if (order === undefined) return orders.isSuccess ? t('automaticAll') : t('automaticHint');
    // The default is asked first, then the order goes on without it.
    const first = enabled.filter((config) => config.isDefault).map((config) => config.provider);
    const next = order.providers.map((step) => step.provider);
    const usable = new Set(enabled.map((config) => config.provider));
    const asked = [...new Set([...first, ...next])].filter((provider) => usable.has(provider));
    return asked.length === 0 ? t('automaticHint') : asked.map(displayName).join(' → ');
  };
}

function Detail({ config, showModel }: { readonly config: ProviderConfig; readonly showModel: boolean }) {
  const t = useTexts(selectorTexts);
  return (
    <>
      {showModel && <span>{config.model}</span>}
      {config.isDefault && <Badge tone="accent">{t('default')}</Badge>}
      {config.lastTest?.success === false && <Badge tone="danger">{t('testFailed')}</Badge>}
    </>
  );
}
