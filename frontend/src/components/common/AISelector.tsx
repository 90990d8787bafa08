import { type ProviderConfig, useConfigs } from '../../api/configs';
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
  readonly disabled?: boolean;
  /** The field's name where the selector stands in a form. */
  readonly name?: string;
  readonly required?: boolean;
}

/** Chooses among the tenant's enabled providers. */
export function AISelector({ label, showModel = true, ...control }: AISelectorProps) {
  const t = useTexts(selectorTexts);
  const configs = useConfigs();
  if (configs.isPending) return <Skeleton height="4rem" />;
  if (configs.isError) return <ErrorState error={configs.error} onRetry={() => void configs.refetch()} />;
  const enabled = configs.data.filter((config) => config.enabled);
  if (enabled.length === 0) return <EmptyState title={t('empty')} />;
  const automatic = { value: 'auto', label: t('automatic'), detail: t('automaticHint') } as const;
  const options: SelectOption<AISelection>[] = [automatic];
  for (const config of enabled) {
    if (!isProviderName(config.provider)) continue;
    options.push({
      value: config.provider,
      label: displayName(config.provider),
      detail: <Detail config={config} showModel={showModel} />,
    });
  }
  return (
    <Field label={label}>
      <Select<AISelection> {...control} options={options} placeholder={t('placeholder')} />
    </Field>
  );
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
