import type { Copy } from '@/api/assistant';
import { Card } from '@/components/ui/Card';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { usePartName } from '../hooks/usePartName';
import { assistantTexts } from '../i18n/assistantTexts';
import styles from './Assistant.module.css';
import { ClipboardButton } from './ClipboardButton';

type Variation = Copy['variations'][number];

interface Part {
  readonly name: 'subject' | 'preheader' | 'title' | 'metaDescription' | 'body' | 'text' | 'hashtags';
  readonly text: string;
}

/** Return the parts that the variation's platform has. The text of an ad contains all its lines. */
function partsOf({ text, email, blog, hashtags }: Variation): readonly Part[] {
  const parts: readonly Part[] =
    email !== null
      ? [
          { name: 'subject', text: email.subject },
          { name: 'preheader', text: email.preheader },
          { name: 'body', text: email.body },
        ]
      : blog !== null
        ? [
            { name: 'title', text: blog.title },
            { name: 'metaDescription', text: blog.metaDescription },
            { name: 'body', text: blog.body },
          ]
        : [{ name: 'text', text }];
  return [...parts, { name: 'hashtags', text: hashtags.join(' ') } as const].filter(
    (part) => part.text !== '',
  );
}

/** Card with one variation. It renders plain text only, never HTML. */
export function CopyVariationCard({
  title,
  variation,
}: {
  readonly title: string;
  readonly variation: Variation;
}) {
  const t = useTexts(assistantTexts);
  const format = useFormat();
  const partName = usePartName();
  const parts = partsOf(variation);
  const fullText = parts.map((part) => part.text).join('\n\n');
  return (
    <Card title={title} actions={<ClipboardButton text={fullText} label={t('copyOf', { title })} />}>
      <div className={styles.form}>
        {parts.map((part) => (
          <div key={part.name}>
            {parts.length > 1 && <p className={styles.muted}>{t(`copy.parts.${part.name}`)}</p>}
            <p className={styles.words}>{part.text}</p>
          </div>
        ))}
        <ul className={styles.lengths}>
          {variation.lengths.map(({ part, used, max }) => (
            <li key={part}>
              {t('copy.length', {
                part: partName(part),
                used: format.integer(used),
                max: format.integer(max),
              })}
            </li>
          ))}
        </ul>
      </div>
    </Card>
  );
}
