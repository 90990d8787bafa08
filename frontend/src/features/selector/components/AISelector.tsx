import { type ProviderConfig, useConfigs } from '@/api/configs';
import { ANY_MODULE } from '@/api/fallback';
import { displayName, isProviderName, type ProviderName } from '@/api/providers';
import { Badge } from '@/components/ui/Badge';
import { EmptyState } from '@/components/ui/EmptyState';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Select, type SelectOption } from '@/components/ui/Select';
import { Skeleton } from '@/components/ui/Skeleton';
import { useTexts } from '@/i18n/useTexts';
import { useAutomaticDetail } from '../hooks/useAutomaticDetail';
import { selectorTexts } from '../i18n/selectorTexts';

/** A provider, or `auto` for the tenant's own order of providers. */
export type AISelection = ProviderName | 'auto';

export interface AISelectorProps {
  /** null means that no provider is chosen yet. */
  readonly value: AISelection | null;
  readonly onChange: (value: AISelection) => void;
  readonly label: string;
  readonly showModel?: boolean;
  /** CRM module whose order of providers the automatic choice follows. */
  readonly module?: string;
  readonly disabled?: boolean;
  /** Name of the field in a form. */
  readonly name?: string;
  readonly required?: boolean;
}

/** Select control for the tenant's enabled providers. */
export function AISelector({ label, showModel = true, module = ANY_MODULE, ...control }: AISelectorProps) {
  const t = useTexts(selectorTexts);
  const configs = useConfigs();
  const automaticDetail = useAutomaticDetail(module);
  if (configs.isPending) return <Skeleton height="4rem" />;
  if (configs.isError) return <ErrorState error={configs.error} onRetry={() => void configs.refetch()} />;
  const enabled = configs.data.filter((config) => config.enabled);
  if (enabled.length === 0) return <EmptyState title={t('empty')} />;
  const options: SelectOption<AISelection>[] = [
    { value: 'auto', label: t('automatic'), detail: automaticDetail(enabled) },
  ];
  for (const config of enabled) {
    if (!isProviderName(config.provider)) continue;
    options.push({
      value: config.provider,
      label: displayName(config.provider),
      detail: <ProviderOptionDetail config={config} showModel={showModel} />,
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

function ProviderOptionDetail({
  config,
  showModel,
}: {
  readonly config: ProviderConfig;
  readonly showModel: boolean;
}) {
  const t = useTexts(selectorTexts);
  return (
    <>
      {showModel && <span>{config.model}</span>}
      {config.isDefault && <Badge tone="accent">{t('default')}</Badge>}
      {config.lastTest?.success === false && <Badge tone="danger">{t('testFailed')}</Badge>}
    </>
  );
}
